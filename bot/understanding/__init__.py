"""Read what reaches no command, or what its command refuses: the reader of last resort.

    text ── habits ──> words ── cues, things ──> likely commands
                                                     │ each command's `read`
                                                     v
                        one sure reading <── lines that their own `parse` accepts
                          │        │ unsure, or a change
                          v        v
                        run it   up to three buttons

`habits` leaves out what other tools want before a command, `cues` finds the words of the commands'
intents, `things` what words are names of. `candidates` fills and checks lines, `reader` decides.
`small_talk` and `not_offered` answer what is no command.
"""
