// Every export of the package that a worker can have, in one worker, which tells the names that each gives.
import * as main from "holdfast";
import * as express from "holdfast/adapters/express";
import * as fastify from "holdfast/adapters/fastify";
import * as fetching from "holdfast/adapters/fetch";
import * as h3 from "holdfast/adapters/h3";
import * as hono from "holdfast/adapters/hono";
import * as koa from "holdfast/adapters/koa";
import * as node from "holdfast/adapters/node";
import * as reactRouter from "holdfast/adapters/react-router";
import * as socketIo from "holdfast/adapters/socket.io";
import * as sse from "holdfast/adapters/sse";
import * as sveltekit from "holdfast/adapters/sveltekit";
import * as ws from "holdfast/adapters/ws";
import * as openStore from "holdfast/open-store";
import * as directory from "holdfast/stores/directory";
import * as durableObjects from "holdfast/stores/durable-objects";
import * as memory from "holdfast/stores/memory";
import * as mysql from "holdfast/stores/mysql";
import * as postgres from "holdfast/stores/postgres";
import * as redis from "holdfast/stores/redis";
import * as sqlite from "holdfast/stores/sqlite";
import * as testing from "holdfast/testing";

const MODULES: Readonly<Record<string, object>> = {
  holdfast: main,
  "holdfast/testing": testing,
  "holdfast/stores/memory": memory,
  "holdfast/stores/directory": directory,
  "holdfast/stores/sqlite": sqlite,
  "holdfast/stores/redis": redis,
  "holdfast/stores/postgres": postgres,
  "holdfast/stores/mysql": mysql,
  "holdfast/stores/durable-objects": durableObjects,
  "holdfast/open-store": openStore,
  "holdfast/adapters/fetch": fetching,
  "holdfast/adapters/koa": koa,
  "holdfast/adapters/node": node,
  "holdfast/adapters/express": express,
  "holdfast/adapters/fastify": fastify,
  "holdfast/adapters/h3": h3,
  "holdfast/adapters/hono": hono,
  "holdfast/adapters/react-router": reactRouter,
  "holdfast/adapters/sveltekit": sveltekit,
  "holdfast/adapters/socket.io": socketIo,
  "holdfast/adapters/sse": sse,
  "holdfast/adapters/ws": ws,
};

export { SessionObject as TriedObject } from "holdfast/stores/durable-objects";

export default {
  fetch: (): Response =>
    Response.json(
      Object.fromEntries(
        Object.entries(MODULES).map(([name, exports]) => [name, Object.keys(exports).sort()]),
      ),
    ),
};
