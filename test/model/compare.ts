import type { Expected } from "../parity/case.ts";
import { key } from "../parity/play-case.ts";
import type { Prediction } from "./thread.ts";

/** Where what the engine did first differs from what the model says; undefined when it does not. */
export function differenceFrom(predicted: readonly Prediction[], got: readonly Expected[]): string | undefined {
  for (const [i, { errors, settled }] of predicted.entries()) {
    const have = got[i];
    const isTold = errors.length === 0 ? have?.error === undefined : errors.includes(have?.error ?? "");
    if (!isTold) return `call ${i}, error: the model says ${errors.join(" or ") || "none"}, the engine ${have?.error}`;
    if (settled === undefined) return undefined;
    for (const field of ["ran", "state", "history"] as const) {
      const [model, engine] = [key(settled[field]), key(have?.[field] ?? null)];
      if (model !== engine) return `call ${i}, ${field}: the model says ${model}, the engine ${engine}`;
    }
  }
  return undefined;
}
