import type { BrowserContext } from "playwright-core";

/** What is no trouble: a request of a page that was left, and, in a browser without scripts, one for a script. */
const GIVEN_UP = ["net::ERR_ABORTED", "csp"];

/** Notes what goes wrong in a browser's pages, in words. */
export function troublesOf(context: BrowserContext): readonly string[] {
  const troubles: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning")
      troubles.push(
        `console ${message.type()} on ${message.page()?.url()}: ${message.text()} (${message.location().url})`,
      );
  });
  context.on("weberror", (error) => troubles.push(`error on a page: ${String(error.error())}`));
  context.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    if (!GIVEN_UP.includes(reason)) troubles.push(`failed: ${request.method()} ${request.url()}: ${reason}`);
  });
  context.on("response", (response) => {
    if (response.status() >= 400)
      troubles.push(`${response.status()}: ${response.request().method()} ${response.url()}`);
  });
  return troubles;
}
