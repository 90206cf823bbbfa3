import type { NodeFunction } from "../../../src/runs/modules/api.ts";

export const copy: NodeFunction = (state) => ({ right: `${state.note} ${state.count}` });
