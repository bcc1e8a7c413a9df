import { applyDecorators, Get, Header } from "@nestjs/common";
import { CACHE_CONTROL } from "../../shop/rules.ts";

/** A page at a path. */
export function Page(path: string): MethodDecorator {
  return applyDecorators(
    Get(path),
    Header("Content-Type", "text/html; charset=utf-8"),
    Header("Cache-Control", CACHE_CONTROL),
  );
}
