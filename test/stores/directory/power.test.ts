import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "vitest";
import { steppedStore } from "./stepped.ts";
import { call, record, sessionFolder, temporaryFolder, type TemporaryFolder } from "./support.ts";

let folder: TemporaryFolder;
let root: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  root = folder.path;
});
afterEach(() => folder.remove());

test("a new session is answered for after the folder that names it, and the one that names that, were settled", async () => {
  const { store, arm } = await steppedStore(root);
  const steps: string[] = [];
  arm(async (step) => {
    const result = await step.run();
    steps.push(`${step.verb} ${step.path}`);
    return result;
  });
  assert.equal(await store.create(record(), call()), true);
  const arrival = steps.findLastIndex((step) => step.startsWith("rename "));
  const shard = dirname(sessionFolder(root));
  assert.deepEqual(steps.slice(arrival + 1), [`settle ${shard}`, `settle ${join(root, "sessions")}`]);
});
