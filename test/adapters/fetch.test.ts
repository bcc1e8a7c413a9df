import { describe, test } from "vitest";

import { adapterContract } from "../../src/testing/index.ts";
import { bridgedSubject, directSubject } from "./support/fetch-subject.ts";

adapterContract({ test, describe }, directSubject());
adapterContract({ test, describe }, bridgedSubject());
