"""The calls of NeoGraph's checkpoint service."""

from cairn.methods import unary
from cairn.neograph.v1 import checkpoint_service_pb2 as pb

SAVE = unary(pb.DESCRIPTOR, pb.SaveCheckpointRequest, pb.SaveCheckpointResponse)
LOAD_LATEST = unary(pb.DESCRIPTOR, pb.LoadLatestCheckpointRequest, pb.LoadLatestCheckpointResponse)
LOAD_BY_ID = unary(pb.DESCRIPTOR, pb.LoadCheckpointByIdRequest, pb.LoadCheckpointByIdResponse)
LIST = unary(pb.DESCRIPTOR, pb.ListCheckpointsRequest, pb.ListCheckpointsResponse)
DELETE_THREAD = unary(pb.DESCRIPTOR, pb.DeleteThreadCheckpointsRequest, pb.DeleteThreadCheckpointsResponse)
