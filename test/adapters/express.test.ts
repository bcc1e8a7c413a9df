import { describe, test } from "vitest";
import { adapterContract } from "../../src/testing/index.ts";
import { expressSubjects } from "./support/express-subject.ts";

for (const subject of expressSubjects()) adapterContract({ test, describe }, subject);
