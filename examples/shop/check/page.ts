import {
  around,
  attribute,
  buttonName,
  documentOf,
  type Element,
  elements,
  labelOf,
  scriptsOf,
  textOf,
} from "./html.ts";
import { type Sent, submission } from "./submission.ts";

/** One answer on the way to a page: the redirects, then the page. */
export interface Hop {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** The names and values of the cookies that this answer set. */
  readonly setCookies: readonly string[];
  /** What it says to caches, the browser's own among them. */
  readonly cacheControl: string;
}

/** A page as it is on a visitor's screen. */
export class Page {
  readonly url: string;
  readonly status: number;
  readonly hops: readonly Hop[];
  /** The HTML, as it came. */
  readonly source: string;
  readonly #document: ReturnType<typeof documentOf>;

  constructor(html: string, hops: readonly Hop[]) {
    const last = hops.at(-1);
    this.url = last?.url ?? "";
    this.status = last?.status ?? 0;
    this.hops = hops;
    this.source = html;
    this.#document = documentOf(html);
  }

  /** Where the visitor is, without the server. */
  get path(): string {
    return new URL(this.url).pathname;
  }

  /** What a person reads, from top to bottom. */
  get text(): string {
    return textOf(this.#document);
  }

  get title(): string {
    return this.#texts("title")[0] ?? "";
  }

  get headings(): readonly string[] {
    return this.#texts("h2");
  }

  get notices(): readonly string[] {
    return this.#texts("p.notice");
  }

  /** The name of the user who is signed in. */
  get user(): string | undefined {
    const header = elements(this.#document, "header")[0];
    const name = header && elements(header, "strong")[0];
    return name && textOf(name);
  }

  /** The id of the session, which the footer tells; `undefined` where nothing is stored of the visitor. */
  get sessionId(): string | undefined {
    return /session ([\w-]{24}), \d/.exec(this.text)?.[1];
  }

  /** What is in the cart: the number of each good. */
  get cart(): ReadonlyMap<string, number> {
    const rows = elements(this.#document, "tr").map((row) => ({
      name: elements(row, "button")
        .map(buttonName)
        .join()
        .replace(/^Remove /, ""),
      count: Number(/(\d+) ×/.exec(textOf(row))?.[1]),
    }));
    return new Map(rows.filter(({ name }) => name !== "").map(({ name, count }) => [name, count]));
  }

  /** The sum below the cart. */
  get total(): string | undefined {
    const row = elements(this.#document, "tr.total")[0];
    return row && /€ [\d.]+/.exec(textOf(row))?.[0];
  }

  /** What each line of the list of devices says. */
  get devices(): readonly string[] {
    return elements(this.#document, "ul.devices")
      .flatMap((list) => elements(list, "li"))
      .map(textOf);
  }

  /** The waters of the tide table, which is the part of its page that comes last. */
  get tides(): readonly string[] {
    const shown = elements(this.#document, "ol.tide")
      .flatMap((list) => elements(list, "li"))
      .map(textOf);
    return shown.length > 0 ? shown : (this.#streamed.match(/(?:High|Low) water \d\d:\d\d/g) ?? []);
  }

  /** Whom the tide table was written for. */
  get writtenFor(): string | undefined {
    const line = elements(this.#document, "p")
      .map(textOf)
      .find((text) => text.startsWith("Written for"));
    return (line && /^Written for (.+)\.$/.exec(line)?.[1]) ?? /writtenFor:"(.+?)"/.exec(this.#streamed)?.[1];
  }

  /** What a page of SvelteKit streams: values, which its script puts on the page as they come. */
  get #streamed(): string {
    return scriptsOf(this.#document)
      .filter((script) => /^__sveltekit_\w+\.resolve\(/.test(script))
      .join();
  }

  /**
   * What a browser sends when the button of that name is pressed, after the inputs were filled in by their labels.
   *
   * @param near Where there are several such buttons: what the article or list item around it says as well.
   * @throws when there is no such button, so that a walk that has lost its way ends.
   */
  press(name: string, { near, fill = {} }: Pressing = {}): Sent {
    const button = this.#button(name, near);
    return submission({ document: this.#document, url: this.url, button, fill });
  }

  has(button: string, near?: string): boolean {
    return this.#buttons(button, near).length > 0;
  }

  #button(name: string, near: string | undefined): Element {
    const button = this.#buttons(name, near)[0];
    if (button !== undefined) return button;
    const where = near === undefined ? "" : ` near “${near}”`;
    throw new Error(`There is no button “${name}”${where} on ${this.url} (${this.status}): ${this.text}`);
  }

  #buttons(name: string, near: string | undefined): readonly Element[] {
    return [...elements(this.#document, "button"), ...elements(this.#document, "input")].filter(
      (button) => isSubmit(button) && buttonName(button) === name && isNear(button, near),
    );
  }

  #texts(selector: string): readonly string[] {
    return elements(this.#document, selector).map(textOf);
  }

  /** The names that inputs go by on this page. */
  get inputs(): readonly string[] {
    return elements(this.#document, "input")
      .map((input) => labelOf(input, this.#document))
      .filter((label) => label !== "");
  }
}

export interface Pressing {
  readonly near?: string;
  readonly fill?: Readonly<Record<string, string>>;
}

function isSubmit(button: Element): boolean {
  const type = attribute(button, "type")?.toLowerCase();
  return button.tagName === "button" ? type === undefined || type === "submit" : type === "submit";
}

function isNear(button: Element, near: string | undefined): boolean {
  if (near === undefined) return true;
  const place = around(button, "article") ?? around(button, "li") ?? around(button, "header");
  return place !== undefined && textOf(place).includes(near);
}
