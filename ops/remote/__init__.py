"""The machines' door: Jaeger's remote sampling and OpAMP, for SDKs, collectors and Jaeger.

It has no actor and no action: machines ask how to sample and say what they do. It answers from
memory; what it hears is written to the database in batches.
"""
