/** The command line itself is wrong. `hint` says what was probably meant. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  constructor(
    message: string,
    readonly hint = "",
  ) {
    super(hint === "" ? message : `${message}; ${hint}`);
  }
}
