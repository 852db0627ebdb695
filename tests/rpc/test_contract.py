"""The wire contract: names, numbers and types that existing clients were built against."""

import pytest
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor

from proto.ops import ops_pb2
from proto.petstore import petstore_pb2

OPS = {
    "ListTracesReq": "service:1:string operation:2:string tags:3:string* start:4:int64 end:5:int64"
    " duration_min:6:int64 duration_max:7:int64 search_depth:8:int32",
    "TraceItem": "id:1:string start:2:int64",
    "ListTracesResp": "traces:1:ops.TraceItem*",
    "ShowTraceReq": "id:1:string",
    "ShowTraceResp": "id:1:string operations:2:string* errors:3:string* tags:4:string*"
    " duration:5:google.protobuf.Duration",
    "ShowLogsReq": "id:1:string",
    "ShowLogsResp": "id:1:string logs:2:jaeger.api_v2.Log*",
    "ChangeSamplingReq": "type:1:ops.SamplerType float_value:2:double",
    "ChangeSamplingResp": "",
    "DeployedVersionReq": "",
    "DeployedVersionResp": "version:1:string",
    "Alert": "state:1:string value:2:string active_at:3:int64",
    "AlertsReq": "labels:1:string* active_at:2:int64 states:3:string*",
    "AlertsResp": "alerts:1:ops.Alert*",
}
PETSTORE = {
    "Pet": "id:1:string name:2:string type:3:petstore.PetType birthday:4:google.type.Date",
    "DateRange": "start:1:google.type.Date end:2:google.type.Date",
    "AddPetsReq": "pets:1:petstore.Pet*",
    "AddPetsResp": "ids:1:string*",
    "UpdatePetsReq": "pets:1:petstore.Pet*",
    "UpdatePetsResp": "",
    "DeletePetsReq": "ids:1:string*",
    "DeletePetsResp": "",
    "SearchPetsReq": "names:1:string* types:2:petstore.PetType*"
    " birthdate_range:3:petstore.DateRange",
    "Sampler": "type:1:petstore.SamplerType float_value:2:double",
    "ChangeSamplerReq": "sampler:1:petstore.Sampler",
    "ChangeSamplerResp": "",
}
ENUMS = {
    "ops.SamplerType": ["STUnknown", "STNever", "STAlways", "STFloat"],
    "petstore.SamplerType": ["STUnknown", "STNever", "STAlways", "STFloat"],
    "petstore.PetType": ["PTUnknown", "PTCanine", "PTFeline", "PTBird", "PTReptile"],
}
SERVICES = {
    "ops.Ops": "ListTraces ShowTrace ShowLogs ChangeSampling DeployedVersion Alerts"
    " Sampling SamplingHistory RevertSampling"
    " AskSampling SamplingRequests ApproveSampling RefuseSampling"
    " Silences PreviewSilence CreateSilence ExtendSilence EndSilence"
    " Acknowledge HandOver GiveBack",
    "petstore.PetStore": "AddPets UpdatePets DeletePets SearchPets ChangeSampler",
}


def described(field: FieldDescriptor) -> str:
    kinds = {FieldDescriptor.TYPE_STRING: "string", FieldDescriptor.TYPE_INT64: "int64"}
    kinds |= {FieldDescriptor.TYPE_INT32: "int32", FieldDescriptor.TYPE_DOUBLE: "double"}
    typed = field.message_type or field.enum_type
    kind = typed.full_name if typed else kinds[field.type]
    return f"{field.name}:{field.number}:{kind}{'*' if field.is_repeated else ''}"


@pytest.mark.parametrize(
    ("file", "name", "fields"),
    [(ops_pb2.DESCRIPTOR, name, fields) for name, fields in OPS.items()]
    + [(petstore_pb2.DESCRIPTOR, name, fields) for name, fields in PETSTORE.items()],
    ids=[*OPS, *PETSTORE],
)
def test_it_keeps_every_message(file: FileDescriptor, name: str, fields: str) -> None:
    message = file.message_types_by_name[name]
    old = [described(field) for field in message.fields if field.number < 20]
    assert " ".join(old) == fields


def test_it_keeps_the_enums() -> None:
    for file in (ops_pb2.DESCRIPTOR, petstore_pb2.DESCRIPTOR):
        for enum in file.enum_types_by_name.values():
            assert [value.name for value in enum.values] == ENUMS[enum.full_name]
            assert [value.number for value in enum.values] == list(range(len(enum.values)))


def test_it_keeps_the_services() -> None:
    for file in (ops_pb2.DESCRIPTOR, petstore_pb2.DESCRIPTOR):
        for service in file.services_by_name.values():
            names = [method.name for method in service.methods]
            assert " ".join(names) == SERVICES[service.full_name]
            streams = {m.name for m in service.methods if m.server_streaming}
            assert streams <= {"SearchPets"}
