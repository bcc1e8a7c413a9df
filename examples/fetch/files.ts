import { readFile } from "node:fs/promises";
import { assets } from "../shop/rules.ts";

/** The file that a request asks for, where it is one of the shop's; they need no session. */
export async function fileFor(request: Request): Promise<Response | undefined> {
  const { pathname } = new URL(request.url);
  const type = assets[pathname];
  if (type === undefined) return undefined;
  const content = await readFile(new URL(`../shop${pathname}`, import.meta.url), "utf8");
  return new Response(content, { headers: { "content-type": type } });
}
