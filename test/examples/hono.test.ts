import { beforeAll, test } from "vitest";
import { demandBuild } from "../package/package-json.ts";
import { walkThrough } from "./walk.ts";

beforeAll(demandBuild);

test("the shop served by Hono is walked through by browsers as promised", { timeout: 120_000 }, () =>
  walkThrough("examples/hono/server.ts"),
);
