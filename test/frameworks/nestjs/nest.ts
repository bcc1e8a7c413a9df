import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type * as adapter from "../../../src/adapters/nestjs.ts";
import type * as holdfast from "../../../src/index.ts";
import type * as memory from "../../../src/stores/memory.ts";
import type * as contract from "../../../src/testing/index.ts";
import { ROOT } from "../../package/package-json.ts";

/** A class, as Nest takes it. */
export type Class = new (...args: never[]) => object;
type Decorator = (target: object, key?: string | symbol, descriptor?: PropertyDescriptor | number) => void;
type Decorating = (...args: readonly unknown[]) => Decorator;

/** What the suites use of an application. */
export interface NestApp {
  get<T>(token: unknown): T;
  use(...args: readonly unknown[]): unknown;
  useGlobalFilters(...filters: readonly object[]): unknown;
  useGlobalInterceptors(...interceptors: readonly object[]): unknown;
  useGlobalGuards(...guards: readonly object[]): unknown;
  setGlobalPrefix(prefix: string): unknown;
  enableVersioning(options: object): unknown;
  connectMicroservice(options: object, hybrid: object): object;
  startAllMicroservices(): Promise<unknown>;
  listen(port: number, host: string): Promise<unknown>;
  getUrl(): Promise<string>;
  close(): Promise<void>;
}

/** What the suites use of a version of Nest, and of the package as it is built, in the project of that version. */
export interface Nest {
  readonly common: Readonly<Record<string, Decorating>> & {
    readonly StreamableFile: new (content: object) => {
      setErrorHandler(
        handle: (error: Error, response: { statusCode: number; send(body: string): void }) => void,
      ): object;
    };
    readonly HttpException: new (body: string | object, status: number) => Error & { getStatus(): number };
    readonly NotFoundException: new () => Error;
    readonly VersioningType: { readonly URI: number };
    readonly Scope: { readonly REQUEST: number };
  };
  readonly core: {
    readonly NestFactory: {
      create(module: unknown, platform: object, options: object): Promise<NestApp>;
      createApplicationContext(module: unknown, options: object): Promise<NestApp>;
    };
    readonly APP_GUARD: string;
    readonly REQUEST: unknown;
    readonly ExternalContextCreator: unknown;
  };
  readonly express: { readonly ExpressAdapter: new () => object };
  readonly fastify: { readonly FastifyAdapter: new (options?: object) => object };
  readonly microservices: {
    readonly Transport: { readonly TCP: number };
    readonly ClientProxyFactory: {
      create(options: object): { send(pattern: string, data: object): object; close(): unknown };
    };
    MessagePattern(pattern: string): Decorator;
  };
  readonly testing: {
    readonly Test: {
      createTestingModule(metadata: object): {
        compile(): Promise<{ createNestApplication(platform: object, options: object): NestApp }>;
      };
    };
  };
  readonly rxjs: {
    of(...values: readonly unknown[]): object;
    from(source: unknown): { pipe(...operators: readonly unknown[]): object };
    lastValueFrom(source: object): Promise<unknown>;
    Observable: new (
      subscribe: (subscriber: { next(value: unknown): void; complete(): void }) => void,
    ) => object;
  };
  map(project: (value: unknown) => unknown): unknown;
  readonly holdfast: typeof holdfast;
  readonly adapter: typeof adapter;
  readonly memory: typeof memory;
  readonly contract: typeof contract;
}

/** The lowest version that is supported, and the newest, by the folders of their projects. */
export const VERSIONS = { "Nest 10.0": "10", "Nest 12": "12" } as const;

export const PLATFORMS = ["Express", "Fastify"] as const;
export type Platform = (typeof PLATFORMS)[number];

export function folderOf(version: string): string {
  return `test/frameworks/nestjs/${version}`;
}

/** A version of Nest as the project in its folder has it. */
export async function nestOf(version: string): Promise<Nest> {
  const url = pathToFileURL(join(ROOT, folderOf(version), "index.mjs")).href;
  return (await import(/* @vite-ignore */ url)) as Nest;
}

export function platformOf(nest: Nest, platform: Platform): object {
  return platform === "Express" ? new nest.express.ExpressAdapter() : new nest.fastify.FastifyAdapter();
}

/** Decorates a method and its parameters, as the compiler does: parameters first, each from the last to the first. */
export function decorate(
  target: Class,
  name: string,
  decorators: readonly unknown[],
  parameters: readonly unknown[] = [],
): void {
  const { prototype } = target as { readonly prototype: object };
  for (const [index, decorator] of [...parameters.entries()].reverse())
    (decorator as Decorator)(prototype, name, index);
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  for (const decorator of decorators.toReversed()) (decorator as Decorator)(prototype, name, descriptor);
}

/** Decorates a class and the parameters of its constructor. */
export function decorateClass(
  target: Class,
  decorators: readonly unknown[],
  parameters: readonly unknown[] = [],
): void {
  for (const [index, decorator] of [...parameters.entries()].reverse())
    (decorator as Decorator)(target, undefined, index);
  for (const decorator of decorators.toReversed()) (decorator as Decorator)(target);
}

/** A class with nothing of its own yet. */
export function newClass(): Class {
  return class {
    readonly made = true;
  };
}

/** Makes a module of its parts. */
export function moduleOf(nest: Nest, metadata: object): Class {
  const Made = newClass();
  decorateClass(Made, [nest.common["Module"]?.(metadata)]);
  return Made;
}
