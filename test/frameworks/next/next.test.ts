import { suites } from "./next-suites.ts";

suites("16.4.6");
