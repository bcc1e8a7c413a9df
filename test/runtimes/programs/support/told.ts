/** What became of one rule, as a program tells it. */
export interface Told {
  /** The rule's group and name. */
  readonly rule: string;
  readonly kind: "kept" | "broken" | "not applicable";
  /** Why it was broken or does not apply. */
  readonly detail: string;
}

/** How a line of a program begins that tells of a rule. */
export const LINE_MARK = "~holdfast ";
