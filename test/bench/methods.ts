/** The methods that are called for measuring. */
export const echoMethod = "/bench.Echo/Echo";
export const getMethod = "/cairn.v1.CheckpointService/GetCheckpoint";
export const putMethod = "/cairn.v1.CheckpointService/PutCheckpoint";
export const runMethod = "/cairn.v1.RunService/Run";
export const eventsMethod = "/cairn.v1.RunService/StreamEvents";
export const stepMethod = "/cairn.v1.RunService/RunStep";
