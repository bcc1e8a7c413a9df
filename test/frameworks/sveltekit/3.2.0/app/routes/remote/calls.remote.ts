import { command, getRequestEvent, query } from "$app/server";
import { siteOf } from "../../site";

function call(name: string): Promise<unknown> {
  const event = getRequestEvent();
  return siteOf(event).remote(event, name);
}

export const ask = query(() => call("query"));
export const order = command(() => call("command"));
export const watch = query.live(async function* () {
  yield await call("live");
  yield await call("live later");
});
