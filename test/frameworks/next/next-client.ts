import { expect } from "vitest";
import { type CookieJar, cookieJar } from "../../../src/testing/index.ts";

export const COOKIE = "__Host-Http-sid";

/** What a client asks. */
interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: FormData;
}

/** A browser that runs no scripts: it keeps cookies, and sends the forms of pages as they stand. */
export class Client {
  readonly jar: CookieJar = cookieJar();
  readonly #origin: string;

  /** How React names the fields of the first form among an action's arguments: 19.3 puts a line before. */
  readonly #prefix: string;

  constructor(origin: string, prefix = "_1_") {
    this.#origin = origin;
    this.#prefix = prefix;
  }

  get token(): string | undefined {
    return this.jar.value(COOKIE);
  }

  /** Asks, and keeps the cookies of the answer. Follows no redirect. */
  async send(path: string, { method = "GET", headers = {}, body }: Ask = {}): Promise<Response> {
    const url = new URL(path, this.#origin).href;
    const cookie = this.jar.header(url);
    const answer = await fetch(url, {
      method,
      redirect: "manual",
      headers: { ...(cookie !== undefined && { cookie }), ...headers },
      ...(body !== undefined && { body }),
    });
    this.jar.take(answer.headers.getSetCookie(), url);
    return answer;
  }

  async text(path: string, ask: Ask = {}): Promise<string> {
    const answer = await this.send(path, ask);
    return textOf(await answer.text());
  }

  /** Sends a form of a page by its id, as a browser without scripts does. */
  async submit(
    path: string,
    id: string,
    lines: readonly string[],
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const page = await (await this.send(path)).text();
    const body = formOf(page, id);
    for (const line of lines) body.append("do", line);
    return await this.send(path, { method: "POST", body, headers: { origin: this.#origin, ...headers } });
  }

  /** Calls the action of a form as the scripts of Next do. */
  async call(path: string, id: string, lines: readonly string[]): Promise<Response> {
    const page = await (await this.send(path)).text();
    const action = [...formOf(page, id).keys()].find((name) => name.startsWith("$ACTION_ID_"));
    expect(action, "the form has an action").toBeDefined();
    const body = new FormData();
    for (const line of lines) body.append(`${this.#prefix}do`, line);
    body.append("0", '["$K1"]');
    const headers = {
      origin: this.#origin,
      accept: "text/x-component",
      "next-action": String(action).slice("$ACTION_ID_".length),
    };
    return await this.send(path, { method: "POST", body, headers });
  }
}

/** The hidden fields of a form. */
function formOf(page: string, id: string): FormData {
  const [, form = ""] = new RegExp(`<form id="${id}"[^>]*>(.*?)</form>`, "s").exec(page) ?? [];
  const body = new FormData();
  for (const [input] of form.matchAll(/<input[^>]*>/g)) {
    body.append(attribute(input, "name"), attribute(input, "value"));
  }
  expect([...body.keys()], `the form ${id} of:\n${page.slice(0, 2000)}`).not.toEqual([]);
  return body;
}

function attribute(tag: string, name: string): string {
  const [, value = ""] = new RegExp(`${name}="([^"]*)"`).exec(tag) ?? [];
  return value.replaceAll("&quot;", '"').replaceAll("&amp;", "&");
}

/** What a page shows, without scripts. */
function textOf(page: string): string {
  return page
    .replace(/<script\b.*?<\/script>/gs, "")
    .replace(/<!--.*?-->/gs, "")
    .replace(/<[^>]+>/g, "\n")
    .replace(/\n+/g, "\n");
}

/** The lines of an answer that set the session's cookie. */
export function sessionCookies(answer: Response): string[] {
  return answer.headers.getSetCookie().filter((line) => line.startsWith(`${COOKIE}=`));
}

export function cookieNames(answer: Response): string[] {
  return answer.headers.getSetCookie().map((line) => line.slice(0, line.indexOf("=")));
}
