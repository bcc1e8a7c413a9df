import { describe, test } from "vitest";
import { storeContract } from "../../src/testing/index.ts";
import { directorySubject } from "./directory/subject.ts";

storeContract({ test, describe }, directorySubject("process", 0.5));
