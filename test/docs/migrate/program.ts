import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { after, type Cookies, headerOf } from "../../adopt/old-sites.ts";

/** Beside the tests, so that the packages that a page names are found. */
const FOLDER = fileURLToPath(new URL(".programs/", import.meta.url));

/** What an application answers, and what a browser holds afterwards. */
export interface Answer {
  readonly shown: unknown;
  readonly cookies: Cookies;
}

/** An application in a process of its own, as its page has it. It prints the port that it listens on. */
export class Program {
  readonly #child: ChildProcess;
  readonly #port: string;

  private constructor(child: ChildProcess, port: string) {
    this.#child = child;
    this.#port = port;
  }

  /** @param folder where it runs: what a page keeps in files is there. */
  static async start(
    name: string,
    code: string,
    folder: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<Program> {
    mkdirSync(FOLDER, { recursive: true });
    const file = join(FOLDER, `${name}.ts`);
    writeFileSync(file, code);
    const child = spawn(process.execPath, [file], {
      cwd: folder,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const port = await Promise.race([printed(child), ended(child, name)]);
    return new Program(child, port);
  }

  async visit(path: string, cookies: Cookies): Promise<Answer> {
    const url = `http://127.0.0.1:${this.#port}${path}`;
    const response = await fetch(url, { headers: { cookie: headerOf(cookies) } });
    const shown = (await response.json()) as unknown;
    return { shown, cookies: after(cookies, response.headers.getSetCookie()) };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill();
    await exited;
  }
}

export function removePrograms(): void {
  rmSync(FOLDER, { recursive: true, force: true });
}

async function printed({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error("Nothing of it can be read.");
  for await (const line of createInterface({ input: stdout })) {
    const [, port] = /^port (\d+)$/.exec(line) ?? [];
    if (port !== undefined) return port;
  }
  return await new Promise(() => undefined);
}

async function ended(child: ChildProcess, name: string): Promise<never> {
  const [code] = (await once(child, "exit")) as [number | null];
  throw new Error(`${name} ended by ${code} before it listened.`);
}
