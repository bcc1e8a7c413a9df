/** What the shop sells. Prices in cents. */
export interface Good {
  readonly id: string;
  readonly name: string;
  readonly about: string;
  readonly price: number;
  /** Path data of its picture, drawn on 48 by 48. */
  readonly picture: string;
}

export const goods: readonly Good[] = [
  {
    id: "anchor",
    name: "Anchor, 4 kg",
    about: "Galvanised, folding. Holds in sand and weed.",
    price: 3900,
    picture:
      "M24 14v26M24 14a4 4 0 1 0-.1-8 4 4 0 0 0 .1 8ZM16 20h16M8 28c1 8 8 12 16 12s15-4 16-12M8 28l-3 5M8 28l5 3M40 28l3 5M40 28l-5 3",
  },
  {
    id: "rope",
    name: "Mooring line, 12 m",
    about: "Three-strand polyester with a spliced eye.",
    price: 2450,
    picture:
      "M24 24a8 5 0 1 0 .1 0M24 19a15 9 0 1 0 .1 0M9 28v6c0 5 7 9 15 9s15-4 15-9v-6M31 15c4-3 4-8 0-9s-7 2-6 6",
  },
  {
    id: "lantern",
    name: "Storm lantern",
    about: "Brass, burns for twenty hours on one filling.",
    price: 5600,
    picture: "M17 16h14l3 20H14l3-20ZM19 16v-4h10v4M20 12a4 5 0 0 1 8 0M12 40h24M24 22c-4 5-3 9 0 9s4-4 0-9Z",
  },
  {
    id: "compass",
    name: "Hand compass",
    about: "Liquid-damped, readable by moonlight.",
    price: 4200,
    picture:
      "M24 42a18 18 0 1 0 0-36 18 18 0 0 0 0 36ZM31 17l-4 10-10 4 4-10 10-4ZM24 6v4M24 38v4M6 24h4M38 24h4",
  },
  {
    id: "logbook",
    name: "Log book",
    about: "Stone paper, two hundred pages, does not mind rain.",
    price: 1850,
    picture: "M10 8h22a4 4 0 0 1 4 4v28H14a4 4 0 0 1-4-4V8ZM10 36a4 4 0 0 1 4-4h22M17 15h12M17 21h12M17 27h7",
  },
  {
    id: "whistle",
    name: "Bosun’s call",
    about: "Nickel silver. Heard over any wind.",
    price: 1600,
    picture:
      "M6 22h22a8 8 0 1 1-7 12L17 28H6v-6ZM28 34a4 4 0 1 0 .1-8 4 4 0 0 0-.1 8ZM36 14l5-4M33 12l1-6M38 18l6 0",
  },
];
