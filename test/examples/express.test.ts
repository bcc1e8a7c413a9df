import { beforeAll, test } from "vitest";
import { demandBuild } from "../package/package-json.ts";
import { walkThrough } from "./walk.ts";

// The examples import the package as its users do, from what was built.
beforeAll(demandBuild);

test("the shop served by Express is walked through by browsers as promised", { timeout: 120_000 }, () =>
  walkThrough("examples/express/server.ts"),
);
