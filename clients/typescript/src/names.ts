/** The names of an enum's values in the form this client uses: lower case, as `done` for RUN_STATUS_DONE. */
export function lowerName<E extends Record<string, number>>(values: E, value: number): Lowercase<keyof E & string> {
  const found = Object.entries(values).find(([, number]) => number === value);
  return (found?.[0] ?? "unspecified").toLowerCase() as Lowercase<keyof E & string>;
}

/** The other way round: the enum's value with this name. */
export function valueNamed<E extends Record<string, number>>(values: E, name: string): E[keyof E] | undefined {
  return values[name.toUpperCase()] as E[keyof E] | undefined;
}
