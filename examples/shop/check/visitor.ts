import { type IncomingMessage, request } from "node:http";
import { buffer } from "node:stream/consumers";
import { type CookieJar, cookieJar } from "holdfast/testing";
import { type Hop, Page, type Pressing } from "./page.ts";
import type { Sent } from "./submission.ts";

/** Where a shop is open. It is another place after it was closed and opened again. */
export interface Place {
  readonly origin: string;
}

/** A request that is with the server. */
interface Started {
  readonly answer: Promise<string>;
}

/** What programs send, whatever page they are on. */
interface Call {
  readonly method?: "GET" | "POST";
  readonly form?: Readonly<Record<string, string>>;
  /** The origin of the page that calls, where it is not the shop's own. */
  readonly from?: string;
}

const MAX_REDIRECTS = 10;

/** One browser without JavaScript: it has a jar of cookies, and a name that shows up in the list of devices. */
export class Visitor {
  readonly jar: CookieJar = cookieJar();
  readonly #shop: Place;
  readonly #name: string;

  constructor(shop: Place, name: string) {
    this.#shop = shop;
    this.#name = name;
  }

  /** What it would send as its cookies. */
  get cookie(): string {
    return this.jar.header(`${this.#shop.origin}/`) ?? "";
  }

  /** Types an address. */
  async open(path: string): Promise<Page> {
    return await this.#go({ url: this.#url(path), method: "GET", from: "" });
  }

  /** Presses a button of a page, and follows the answer to the page it leads to. */
  async press(page: Page, button: string, pressing: Pressing = {}): Promise<Page> {
    return await this.#go(page.press(button, pressing));
  }

  /** Sends a page's form as another site would that copied it. */
  async pressFrom(origin: string, page: Page, button: string, pressing: Pressing = {}): Promise<Page> {
    return await this.#go({ ...page.press(button, pressing), from: `${origin}/` });
  }

  /** Asks as a program on a page does. Gives the text of the answer. */
  async call(path: string, call: Call = {}): Promise<string> {
    return await (
      await this.startCall(path, call)
    ).answer;
  }

  /** The same. Resolves already when the whole request has left for the server. */
  async startCall(path: string, { method = "GET", form, from }: Call = {}): Promise<Started> {
    const body = form && new URLSearchParams(form);
    const origin = from ?? this.#shop.origin;
    const sent = { url: this.#url(path), method, from: `${origin}/`, ...(body && { body }) };
    let answer = Promise.resolve("");
    await new Promise<void>((hasLeft, reject) => {
      answer = this.#send(sent, FETCH, hasLeft).then(async (answer) => String(await buffer(answer)));
      answer.catch(reject);
    });
    return { answer };
  }

  /** Types an address, and shows what comes while it comes. */
  async startReading(path: string): Promise<Reading> {
    const url = this.#url(path);
    const answer = await this.#send({ url, method: "GET", from: "" }, NAVIGATION);
    return new Reading(answer, hopOf({ url, method: "GET", from: "" }, answer));
  }

  async #go(first: Sent): Promise<Page> {
    const hops: Hop[] = [];
    let sent = first;
    for (;;) {
      const answer = await this.#send(sent, NAVIGATION);
      hops.push(hopOf(sent, answer));
      const html = String(await buffer(answer));
      const next = redirected(sent, answer);
      if (next === undefined) return new Page(html, hops);
      if (hops.length > MAX_REDIRECTS) throw new Error(`${first.url} redirects without end.`);
      sent = next;
    }
  }

  async #send(
    { url, method, body, from }: Sent,
    headers: Readonly<Record<string, string>>,
    hasLeft?: () => void,
  ): Promise<IncomingMessage> {
    // A browser makes the type and the boundary of a form's body in the same way.
    const encoded = new Response(body ?? null);
    const content = Buffer.from(await encoded.arrayBuffer());
    const type = encoded.headers.get("content-type");
    const cookie = this.jar.header(url);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request(url, {
        method,
        headers: {
          "user-agent": this.#name,
          "accept-language": "en",
          ...headers,
          ...provenance(url, method, from),
          ...(cookie !== undefined && { cookie }),
          ...(type !== null && { "content-type": type }),
          ...(method === "POST" && { "content-length": content.length }),
        },
      });
      asked.once("response", resolve).once("error", reject).end(content, hasLeft);
    });
    this.jar.take(answer.headers["set-cookie"] ?? [], url);
    return answer;
  }

  #url(path: string): string {
    return new URL(path, this.#shop.origin).href;
  }
}

const NAVIGATION = {
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "upgrade-insecure-requests": "1",
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
  "sec-fetch-user": "?1",
};

const FETCH = { accept: "*/*", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" };

/** What browsers say about where a request comes from. */
function provenance(url: string, method: string, from: string): Readonly<Record<string, string>> {
  if (from === "") return { "sec-fetch-site": "none" };
  const { origin } = new URL(from);
  const isOwn = origin === new URL(url).origin;
  return {
    "sec-fetch-site": isOwn ? "same-origin" : "cross-site",
    referer: from,
    ...(method === "POST" && { origin }),
  };
}

/** Where an answer leads to. A form that was sent is not sent again, but where the answer demands it. */
function redirected(sent: Sent, answer: IncomingMessage): Sent | undefined {
  const { statusCode = 0, headers } = answer;
  if (headers.location === undefined || statusCode < 300 || statusCode > 399) return undefined;
  const url = new URL(headers.location, sent.url).href;
  return statusCode === 307 || statusCode === 308
    ? { ...sent, url }
    : { url, method: "GET", from: sent.from };
}

function hopOf({ url, method }: Sent, { statusCode = 0, headers }: IncomingMessage): Hop {
  const setCookies = (headers["set-cookie"] ?? []).map((line) => line.split(";")[0] ?? "");
  return { method, url, status: statusCode, setCookies, cacheControl: headers["cache-control"] ?? "" };
}

/** A page that is on its way. */
export class Reading {
  readonly hop: Hop;
  readonly #answer: IncomingMessage;
  #received = "";
  #isOver = false;

  constructor(answer: IncomingMessage, hop: Hop) {
    this.#answer = answer;
    this.hop = hop;
    answer.setEncoding("utf8");
    answer.on("data", (text: string) => (this.#received += text));
    answer.once("close", () => (this.#isOver = true));
  }

  /** What has come so far, as a browser shows it. */
  get page(): Page {
    return new Page(this.#received, [this.hop]);
  }

  /** Waits until what has come says so, or until nothing more comes. */
  async until(holds: (page: Page) => boolean): Promise<void> {
    while (!this.#isOver && !holds(this.page)) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          this.#answer.off("data", go).off("close", go);
          resolve();
        };
        this.#answer.on("data", go).on("close", go);
      });
    }
  }

  async whole(): Promise<Page> {
    await this.until(() => false);
    if (!this.#answer.complete) throw new Error(`${this.hop.url} broke off.`);
    return this.page;
  }
}
