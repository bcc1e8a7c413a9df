// A worker that tries the contracts in workerd, a rule a request. Its clients are real: a rule about an adapter connects to the socket
// that the worker itself listens on, so each of its requests is one of its own to the runtime.
import { randomUUID } from "node:crypto";
import type { AnyStore } from "../../../src/index.ts";
import {
  type AdapterRule,
  adapterRules,
  type AdapterSubject,
  type Application,
  type StoreRule,
  storeRules,
  type StoreSubject,
} from "../../../src/testing/index.ts";
import { durableObjectStore, type SessionObjectNamespace } from "../../../src/stores/durable-objects.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { storeJobs } from "../../../src/testing/store-jobs.ts";
import { bridgedSubject, fetchApplication } from "../../adapters/support/fetch-subject.ts";
import { honoApplication, NEWEST, OLDEST, servedSubject } from "../../adapters/support/hono-subject.ts";
import { atRest } from "../../support/at-rest.ts";
import { memorySubject } from "../../testing/memory-subject.ts";
import { adapterOutcome, storeOutcome } from "./support/trial.ts";
import { type Isolate, useIsolates } from "./worker/child-process.ts";
import { WAYS_TO_SPOIL } from "./worker/object.ts";
import { playSessions } from "./worker/sessions.ts";

export { TriedObject } from "./worker/object.ts";

interface Env {
  readonly SESSIONS: SessionObjectNamespace;
  readonly ISOLATE0?: Isolate;
  readonly ISOLATE1?: Isolate;
  readonly ISOLATE2?: Isolate;
  readonly ISOLATE3?: Isolate;
}

type Handle = (request: Request) => Promise<Response>;

/** What the rule under way serves. */
let served: Handle | undefined;

const ADAPTERS: Readonly<Record<string, [AdapterSubject, (application: Application) => Handle]>> = {
  fetch: [bridgedSubject(), (application) => fetchApplication(application)],
  "fetch, sealed": [
    { ...bridgedSubject(), atRest: atRest("a", "b") },
    (application) => fetchApplication(application),
  ],
  "hono, newest": [servedSubject(NEWEST), (application) => honoHandle(NEWEST, application)],
  "hono, oldest": [servedSubject(OLDEST), (application) => honoHandle(OLDEST, application)],
};

function honoHandle(version: typeof NEWEST, application: Application): Handle {
  const app = honoApplication(version, application);
  return async (request) => await app.fetch(request);
}

function adapterSubject(name: string, env: Env, origin: string, store: string | null): AdapterSubject {
  const found = ADAPTERS[name];
  if (found === undefined) throw new Error(`There is no adapter "${name}".`);
  const [subject, handleOf] = found;
  return {
    ...subject,
    name: `${name} in workerd`,
    async start(application) {
      served = handleOf(application);
      return { origin, close: async () => void (served = undefined) };
    },
    ...(store === "durable objects" && {
      openStore: async () => ({ store: openObjects(env, randomUUID()), close: async () => undefined }),
    }),
  };
}

function openObjects(env: Env, prefix: string): ReturnType<typeof durableObjectStore> {
  return durableObjectStore(env.SESSIONS, { prefix });
}

function objectsSubject(env: Env): StoreSubject {
  const handle = (prefix: string) => ({ store: openObjects(env, prefix), close: async () => undefined });
  return {
    name: "durable objects",
    effort: 0.05,
    async open() {
      const prefix = `${randomUUID()}:`;
      const spoil = (way: string) => async (id: string) => {
        await objectOf(env, `${prefix}record:${id}`).fetch(
          `https://object/~spoil?way=${encodeURIComponent(way)}`,
        );
      };
      return {
        ...handle(prefix),
        openAgain: async () => handle(prefix),
        worker: { module: new URL("file:///worker"), export: "openObjects", location: prefix },
        damage: Object.fromEntries(WAYS_TO_SPOIL.map((way) => [way, spoil(way)])),
      };
    },
    abilities: {
      labels: true,
      iterate: "nothing knows all objects of a namespace",
      sweep: "an expired session removes itself",
      setup: "an object makes its own storage",
      subscribe: "objects tell nobody",
      dispose: "the store opens nothing",
      "second handle": true,
      processes: true,
      damage: true,
    },
  };
}

function objectOf({ SESSIONS }: Env, name: string): { fetch(url: string): Promise<Response> } {
  return SESSIONS.get(SESSIONS.idFromName(name)) as never;
}

function memory(): StoreSubject {
  return memorySubject(async () => {
    const store = memoryStore();
    return { store, close: () => store.close() };
  });
}

async function tried(url: URL, env: Env): Promise<Response> {
  const asked = (name: string): string => url.searchParams.get(name) ?? "";
  const isRule = (rule: AdapterRule | StoreRule): boolean => `${rule.group}: ${rule.name}` === asked("rule");
  const subject = asked("subject");
  if (asked("contract") === "adapter") {
    const rule = adapterRules.find(isRule) as AdapterRule;
    return Response.json(
      await adapterOutcome(adapterSubject(subject, env, url.origin, url.searchParams.get("store")), rule),
    );
  }
  const { ISOLATE0, ISOLATE1, ISOLATE2, ISOLATE3 } = env;
  useIsolates([ISOLATE0, ISOLATE1, ISOLATE2, ISOLATE3].filter((isolate) => isolate !== undefined));
  const rule = storeRules.find(isRule) as StoreRule;
  return Response.json(await storeOutcome(subject === "memory" ? memory() : objectsSubject(env), rule));
}

interface Task {
  readonly job: keyof typeof storeJobs;
  readonly input: never;
  readonly location: string;
}

/** Does in this isolate what the contract asks of a process. */
async function worked(request: Request, env: Env): Promise<Response> {
  const { job, input, location } = (await request.json()) as Task;
  try {
    return Response.json({
      kind: "done",
      result: await storeJobs[job](inTurns(openObjects(env, location)), input),
    });
  } catch (error) {
    return Response.json({ kind: "failed", message: error instanceof Error ? error.stack : String(error) });
  }
}

/**
 * Lets time pass after each call. All isolates of this process share one thread, and as long as one of them has something to do
 * neither timers nor sockets get their turn; a process of its own would not keep them from it.
 */
function inTurns(store: AnyStore): AnyStore {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      return async (...args: unknown[]) => {
        const answer: unknown = await method.apply(target, args);
        await new Promise((resolve) => setTimeout(resolve, 0));
        return answer;
      };
    },
  });
}

interface Ask {
  readonly method: "create" | "read" | "update" | "delete" | "listByLabel" | "deleteByLabel";
  readonly args: readonly unknown[];
  readonly prefix: string;
}

/** Calls the store for a client outside, which outlives this process. */
async function called(request: Request, env: Env): Promise<Response> {
  const { method, args, prefix } = (await request.json()) as Ask;
  const store = openObjects(env, prefix) as unknown as Record<
    string,
    (...args: unknown[]) => Promise<unknown>
  >;
  const answer = await store[method]?.(...args, { signal: new AbortController().signal });
  return Response.json({ answer });
}

/** Makes sessions and tells what their clients were given, and what the objects hold: all keys and values. */
async function dumped(url: URL, env: Env): Promise<Response> {
  const prefix = url.searchParams.get("prefix") ?? "";
  const given = await playSessions(env.SESSIONS, (namespace) => durableObjectStore(namespace, { prefix }), {
    isSealed: url.searchParams.has("sealed"),
    value: url.searchParams.get("value") ?? "",
  });
  const held = await Promise.all(
    given.objects.map(async (name) => {
      const response = await objectOf(env, name).fetch("https://object/~hold");
      return [name, await response.json()] as const;
    }),
  );
  return Response.json({ ...given, held });
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/~try":
        return await tried(url, env);
      case "/~job":
        return await worked(request, env);
      case "/~call":
        return await called(request, env);
      case "/~dump":
        return await dumped(url, env);
      case "/~object":
        return await objectOf(env, url.searchParams.get("name") ?? "").fetch(
          `https://object/${url.searchParams.get("do")}`,
        );
      default:
        return (await served?.(request)) ?? new Response("nothing is served", { status: 404 });
    }
  },
};
