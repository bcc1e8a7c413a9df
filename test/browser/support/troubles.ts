import type { BrowserContext } from "playwright-core";

/** Notes what goes wrong in a browser's pages, in words. A request that a page gave up because it was left is no trouble. */
export function troublesOf(context: BrowserContext): readonly string[] {
  const troubles: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning")
      troubles.push(`console ${message.type()}: ${message.text()} (${message.page()?.url()})`);
  });
  context.on("weberror", (error) => troubles.push(`error on a page: ${String(error.error())}`));
  context.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    if (reason !== "net::ERR_ABORTED")
      troubles.push(`failed: ${request.method()} ${request.url()}: ${reason}`);
  });
  context.on("response", (response) => {
    if (response.status() >= 400)
      troubles.push(`${response.status()}: ${response.request().method()} ${response.url()}`);
  });
  return troubles;
}
