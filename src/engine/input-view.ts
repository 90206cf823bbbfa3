import { isPlainMap } from "../values/value.ts";
import type { StateView } from "./cel.ts";
import { viewOf } from "./state.ts";
import type { Task } from "./tasks.ts";

/** What an expression sees as `state`: the channels, or the argument of a Send. */
export function inputView({ input }: Task): StateView {
  if ("state" in input) return viewOf(input.state);
  const argument = input.argument.value;
  const map = isPlainMap(argument) ? argument : {};
  return {
    keys: () => Object.keys(map),
    has: (key) => Object.hasOwn(map, key),
    get: (key) => map[key],
  };
}
