import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { blocksOf } from "../../docs/pages.ts";
import { ROOT } from "../../package/package-json.ts";
import { runIn, withProjects } from "../support/projects.ts";

/** What the compiler is to refuse or take, beside the examples of the page. */
const TYPES = `
import type { NextRequest } from "next/server";
import { sessions } from "./lib/sessions";

export async function page(): Promise<number | undefined> {
  const { data } = await sessions.read();
  // @ts-expect-error a number
  data.hits?.toUpperCase();
  return data.hits;
}
export const bare: (request: NextRequest) => Promise<Response> = sessions.route(
  (request, session) => new Response(request.nextUrl.pathname + (session.user ?? "")),
);
export const plain = sessions.route((_request: Request, session) => Response.json(session.data.cart ?? {}));
export const given: (request: NextRequest, context: { params: Promise<{ id: string }> }) => Promise<Response> = sessions.route(
  async (_request, _session, { params }: { params: Promise<{ id: string }> }) => new Response((await params).id),
);
export const action: (form: FormData) => Promise<void> = sessions.action(async (session, _form: FormData) => {
  session.increment("hits");
});
export const told: (previous: string, form: FormData) => Promise<string> = sessions.action(
  (_session, previous: string, _form: FormData) => previous,
);
// @ts-expect-error an action has to be called with what it asks for
void told("previous");
// @ts-expect-error no such field
export const wrong = sessions.action((session) => session.set("nothing", 1));
// @ts-expect-error a route answers
export const silent = sessions.route(() => {});
export const proxy = sessions.proxy((request, session, event) => {
  event.waitUntil(Promise.resolve(session.user));
  if (request.nextUrl.pathname === "/") return new Response();
});
`;

for (const version of ["15.5.0", "16.4.6"]) {
  const project = `test/frameworks/next/${version}`;
  withProjects([project], () => {
    test(
      `the examples of the page compile with the types of Next ${version}, and sessions are typed`,
      {
        timeout: 120_000,
      },
      async () => {
        const folder = join(ROOT, project, ".generated-types");
        rmSync(folder, { recursive: true, force: true });
        const write = (file: string, text: string): void => {
          mkdirSync(dirname(join(folder, file)), { recursive: true });
          writeFileSync(join(folder, file), text);
        };
        const blocks = blocksOf("docs/adapters/next.md").filter(({ language }) => language === "tsx");
        expect(blocks.length).toBeGreaterThan(5);
        for (const { code } of blocks) {
          const [, file = ""] = /^\/\/ (\S+)\n/.exec(code) ?? [];
          expect(file, "each example begins with the name of its file").not.toBe("");
          write(file, code);
        }
        write("types.ts", TYPES);
        cpSync(join(ROOT, "test/frameworks/next/types.tsconfig.json"), join(folder, "tsconfig.json"));
        const { code, output } = await runIn(project, process.execPath, [
          join(ROOT, "node_modules/typescript/bin/tsc"),
          "-p",
          folder,
        ]);
        expect(code, output).toBe(0);
      },
    );
  });
}
