import { createReadStream } from "node:fs";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { beforeEach, describe, expect, test } from "vitest";

import type { SessionError } from "../../src/index.ts";
import { failsBefore, gate, waitsBefore } from "../../src/testing/index.ts";
import { type Reply, type Rig, rig, VERSIONS } from "./support/fastify-rig.ts";

type End = (request: FastifyRequest, reply: FastifyReply) => unknown;

describe.each(VERSIONS)("%s", (_name, fastify) => {
  let it: Rig;
  let app: FastifyInstance;

  beforeEach(async () => {
    it = await rig(fastify);
    ({ app } = it);
  });

  /** Asks a route that paints the session blue, where it was red, and then comes to an end. */
  async function paint(end: End, method = "GET"): Promise<Reply> {
    app.all("/paint", (request, reply) => {
      it.sessions.of(request).set("colour", "blue");
      return end(request, reply);
    });
    await it.ask("/set?to=red");
    return await it.ask("/paint", { method });
  }

  describe("Fastify's error handler", () => {
    test("is given a session that cannot be read, with status 503, and no handler runs", async () => {
      const seen: SessionError[] = [];
      app.setErrorHandler<SessionError>((error, _request, reply) => {
        seen.push(error);
        return reply.code(error.statusCode).send("sorry");
      });
      let handled = false;
      app.get("/handled", () => String((handled = true)));
      await it.ask("/set?to=red");
      it.store.always("read", failsBefore());
      const { status, body, cookies } = await it.ask("/handled");
      expect([status, body, cookies, handled]).toEqual([503, "sorry", [], false]);
      expect(seen.map(({ code }) => code)).toEqual(["ERR_SESSION_STORE_UNAVAILABLE"]);
    });

    test("is given a save that failed, once, with its status", async () => {
      const seen: SessionError[] = [];
      app.setErrorHandler<SessionError>((error, _request, reply) => {
        seen.push(error);
        return reply.code(error.statusCode).send("sorry");
      });
      const { status, body } = await paint((_request, reply) => {
        it.breakStore();
        return reply.send("done");
      });
      expect([status, body]).toEqual([503, "sorry"]);
      expect(seen.map(({ code }) => code)).toEqual(["ERR_SESSION_UNKNOWN"]);
    });

    test("that sets no status answers a save that failed with the error's", async () => {
      app.setErrorHandler(() => ({ sorry: true }));
      const { status, body } = await paint((_request, reply) => {
        it.breakStore();
        return reply.code(201).send("done");
      });
      expect([status, body]).toEqual([503, '{"sorry":true}']);
    });

    test("of Fastify's own answers a save that failed without what described the answer before", async () => {
      const { status, headers, body } = await paint((_request, reply) => {
        it.breakStore();
        return reply
          .headers({ etag: '"1"', "cache-control": "public, max-age=600", "x-own": "kept" })
          .redirect("/elsewhere");
      });
      expect(status).toBe(503);
      expect(JSON.parse(body)).toMatchObject({ statusCode: 503, code: "ERR_SESSION_UNKNOWN" });
      expect(body).not.toContain("10.11.12.13");
      expect([headers.get("location"), headers.get("etag")]).toEqual([null, null]);
      expect([headers.get("cache-control"), headers.get("x-own")]).toEqual(["no-store", "kept"]);
    });

    test("is given a save that failed for the answer to an expected error, too", async () => {
      const { status } = await paint(() => {
        it.breakStore();
        throw Object.assign(new Error("no"), { statusCode: 422 });
      });
      expect(status).toBe(503);
    });

    test("that throws itself fails the request", async () => {
      app.setErrorHandler(() => {
        throw new Error("in the error handler");
      });
      const { status } = await paint(() => {
        throw Object.assign(new Error("no"), { statusCode: 422 });
      });
      expect([status, await it.colour()]).toEqual([500, "red"]);
    });
  });

  describe("nothing is saved when", () => {
    const failures: Readonly<Record<string, End>> = {
      "an error bears a status of 500 or above, whatever the reply's": (_request, reply) => {
        reply.code(404);
        throw Object.assign(new Error("no"), { statusCode: 503 });
      },
      "an error without a status is thrown": () => {
        throw new Error("no");
      },
      "an error is sent": (_request, reply) => reply.send(new Error("no")),
      "a Response has status 500": () => new Response("no", { status: 500 }),
      "a Response without a body has status 500": () => new Response(null, { status: 500 }),
      "a file to send is not there": () => createReadStream("/nowhere/to/be/found"),
      "a web stream breaks before its first piece": (_request, reply) =>
        reply.send(
          new ReadableStream({
            pull: () => {
              throw new Error("broken");
            },
          }),
        ),
      "a web stream is read by somebody else": (_request, reply) => {
        const stream = new Blob(["no"]).stream();
        stream.getReader();
        return reply.send(stream);
      },
      "a Response was read before": async () => {
        const response = new Response("no");
        await response.text();
        return response;
      },
      "a payload is of a kind that Fastify refuses": (_request, reply) => reply.type("text/plain").send({}),
      "a header is one that Node refuses": (_request, reply) =>
        reply.header("x-evil", "a\r\nSet-Cookie: evil=1").send("no"),
      "a header's name is one that Node refuses": (_request, reply) => reply.header("x evil", "a").send("no"),
      "a value cannot be serialized": () => {
        const cycle: Record<string, unknown> = {};
        return Object.assign(cycle, { cycle });
      },
    };

    test.each(Object.entries(failures))("%s", async (_name, end) => {
      const { status, headers, cookies } = await paint(end);
      expect(status).toBeGreaterThanOrEqual(500);
      expect([headers.get("set-cookie"), cookies]).toEqual([null, []]);
      expect(await it.colour()).toBe("red");
    });

    test("a hook that serializes throws", async () => {
      app.addHook("preSerialization", async () => {
        throw new Error("no");
      });
      const { status } = await paint(() => ({ json: true }));
      expect([status, await it.colour()]).toEqual([500, "red"]);
    });

    test("an onSend hook from before throws", async () => {
      const early = fastify({ forceCloseConnections: true });
      early.addHook("onSend", async (request) => {
        if (request.url === "/throws") throw new Error("no");
      });
      await early.register(it.sessions);
      early.get("/throws", (request) => {
        it.sessions.of(request).set("colour", "blue");
        return "no";
      });
      const { statusCode, cookies } = await early.inject("/throws");
      expect([statusCode, cookies, it.store.count("create")]).toEqual([500, [], 0]);
      await early.close();
    });
  });

  describe("everything is saved when", () => {
    const answers: Readonly<Record<string, [End, number]>> = {
      "an error bears a status below 500": [
        () => {
          throw Object.assign(new Error("no"), { statusCode: 422 });
        },
        422,
      ],
      "an error without a status is thrown after the reply was given one": [
        (_request, reply) => {
          reply.code(404);
          throw new Error("no");
        },
        404,
      ],
      "an error without a status is sent with one": [
        (_request, reply) => reply.code(409).send(new Error("no")),
        409,
      ],
      "the handler calls the one for not found": [(_request, reply) => reply.callNotFound(), 404],
      "a Response redirects": [
        () => new Response(null, { status: 303, headers: { location: "/show" } }),
        303,
      ],
      "an answer has no body": [(_request, reply) => reply.code(204).send(), 204],
    };

    test.each(Object.entries(answers))("%s", async (_name, [end, status]) => {
      expect((await paint(end)).status).toBe(status);
      expect(await it.colour()).toBe("blue");
    });

    test("a body does not pass the route's schema after a hook changed the session", async () => {
      app.post("/checked", {
        schema: { body: { type: "object", required: ["name"] } },
        preValidation: async (request) => {
          it.sessions.of(request).set("colour", "blue");
        },
        handler: () => "never",
      });
      const headers = { "content-type": "application/json" };
      expect((await it.ask("/checked", { method: "POST", headers, body: "{}" })).status).toBe(400);
      expect(await it.colour()).toBe("blue");
    });

    test("there is no such route, and the handler for that changed the session", async () => {
      app.setNotFoundHandler((request, reply) => {
        it.sessions.of(request).set("colour", "blue");
        return reply.code(404).send("nowhere");
      });
      expect((await it.ask("/nowhere")).status).toBe(404);
      expect(await it.colour()).toBe("blue");
    });
  });

  test("a logout takes place although its answer cannot be sent, and the cookie is revoked", async () => {
    app.get("/leave", (request, reply) => {
      it.sessions.of(request).logout();
      return reply.header("x-evil", "a\r\nb").send("left");
    });
    await it.ask("/set?to=red");
    const { status, cookies } = await it.ask("/leave");
    expect(status).toBe(500);
    expect(cookies).toEqual([expect.stringMatching(/^__Host-Http-sid=;.*Max-Age=0/)]);
  });

  test("the cookie of what was saved arrives although a later hook fails and the error handler clears the headers", async () => {
    app.addHook("onSend", async (request) => {
      if (request.url === "/enter" && !failed) {
        failed = true;
        throw new Error("a later hook");
      }
    });
    let failed = false;
    app.setErrorHandler((_error, _request, reply) => {
      for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
      return reply.code(500).send("sorry");
    });
    app.get("/enter", (request) => {
      it.sessions.of(request).login("ada");
      return "in";
    });
    app.get("/who", (request) => it.sessions.of(request).user ?? "nobody");
    const { status, cookies, headers } = await it.ask("/enter");
    expect([status, cookies.length, headers.get("cache-control")]).toEqual([500, 1, "no-store"]);
    expect((await it.ask("/who")).body).toBe("ada");
  });

  test("an answer that a later hook spoils after the save is an error like any other", async () => {
    let spoilt = false;
    app.addHook("onSend", (request, _reply, payload, done) => {
      const spoils = request.url === "/spoilt" && !spoilt;
      spoilt ||= spoils;
      done(null, spoils ? 5 : payload);
    });
    app.get("/spoilt", (request) => {
      it.sessions.of(request).set("colour", "blue");
      return "whole";
    });
    const { status, cookies, body } = await it.ask("/spoilt");
    expect([status, cookies.length]).toEqual([500, 1]);
    expect(JSON.parse(body)).toMatchObject({ code: "FST_ERR_REP_INVALID_PAYLOAD_TYPE" });
    expect(await it.colour()).toBe("blue");
  });

  test("headers that cannot be sent after the save are an error like any other, and the server goes on", async () => {
    let thrown = false;
    app.addHook("onRequest", async (request, { raw }) => {
      const writeHead = raw.writeHead.bind(raw) as (...args: unknown[]) => typeof raw;
      // As a library that listens for the headers may do.
      raw.writeHead = (...args: unknown[]) => {
        if (thrown || request.url !== "/heads") return writeHead(...args);
        thrown = true;
        throw new Error("in a listener for headers");
      };
    });
    app.get("/heads", (request) => {
      it.sessions.of(request).set("colour", "blue");
      return "never";
    });
    const { status, body } = await it.ask("/heads");
    expect([status, JSON.parse(body)]).toEqual([
      500,
      expect.objectContaining({ message: "in a listener for headers" }),
    ]);
    expect(await it.colour()).toBe("blue");
  });

  test("somebody who answers on the bare response in the middle of a save waits for it", async () => {
    const door = gate();
    const errors: unknown[] = [];
    app.setErrorHandler((error) => void errors.push(error));
    let reply: FastifyReply | undefined;
    app.get("/taken-over", (request, given) => {
      it.sessions.of(request).set("colour", "blue");
      reply = given;
      return given.send("Fastify's");
    });
    await it.ask("/set?to=red");
    it.store.next("update", waitsBefore(door));
    const underWay = it.ask("/taken-over");
    await door.reached();
    reply?.raw.end("another's");
    let arrived = false;
    const answer = underWay.finally(() => (arrived = true));
    // A whole request on another connection: time enough for a byte of the first to come.
    expect([await it.colour(), arrived]).toEqual(["red", false]);
    door.open();
    expect(await answer).toMatchObject({ status: 200, body: "another's" });
    expect(errors).toEqual([]);
    expect(await it.colour()).toBe("blue");
  });
});

test("an answer that Fastify gives up in the middle of a save waits for it, and is the only one", async () => {
  const it = await rig(VERSIONS[1][1], { handlerTimeout: 1 });
  const door = gate();
  const timedOut = gate();
  it.app.addHook("onError", async () => timedOut.passage());
  it.app.get("/slow", (request) => {
    it.sessions.of(request).set("colour", "blue");
    return "slow";
  });
  await it.ask("/set?to=red");
  it.store.next("update", waitsBefore(door));
  const underWay = it.ask("/slow");
  await Promise.all([door.reached(), timedOut.reached()]);
  timedOut.open();
  door.open();
  const { status, body } = await underWay;
  expect([status, JSON.parse(body)]).toEqual([503, expect.objectContaining({ statusCode: 503 })]);
  expect(await it.colour()).toBe("blue");
});
