import pc from "picocolors";

export type Colours = ReturnType<typeof pc.createColors>;

/** Colours, or none where what is printed is not read on a terminal. */
export function coloursFor({ coloured }: { readonly coloured: boolean }): Colours {
  return pc.createColors(coloured);
}
