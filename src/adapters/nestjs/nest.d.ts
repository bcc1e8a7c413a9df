/**
 * What the adapter uses of Nest and of RxJS at run time, as small as it is. Nest's own types stay out of it: what is exported
 * is typed structurally, and this file is not published as a declaration.
 */
declare module "@nestjs/common" {
  interface ExceptionOptions {
    readonly cause?: unknown;
    readonly description?: string;
  }

  interface ExecutionContext {
    getType(): string;
    getArgByIndex(index: number): unknown;
    switchToHttp(): { getRequest(): unknown; getResponse(): { readonly statusCode: number } };
  }

  class HttpException extends Error {
    constructor(response: object | string, status: number, options?: ExceptionOptions);
    getStatus(): number;
  }
  class UnauthorizedException extends HttpException {
    constructor(message?: string, options?: ExceptionOptions);
  }
  class ForbiddenException extends HttpException {
    constructor(message?: string, options?: ExceptionOptions);
  }
  class ConflictException extends HttpException {
    constructor(message?: string, options?: ExceptionOptions);
  }
  class ServiceUnavailableException extends HttpException {
    constructor(message?: string, options?: ExceptionOptions);
  }

  function Inject(token: unknown): (target: object, key: string | symbol | undefined, index: number) => void;
  function Module(metadata: object): (target: object) => void;
  function SetMetadata(key: unknown, value: unknown): ClassDecorator & MethodDecorator;
  function UseGuards(...guards: readonly unknown[]): ClassDecorator & MethodDecorator;
  function applyDecorators(
    ...decorators: readonly (ClassDecorator | MethodDecorator)[]
  ): ClassDecorator & MethodDecorator;
  function createParamDecorator<Data>(
    factory: (data: Data | undefined, context: ExecutionContext) => unknown,
  ): (data?: Data) => ParameterDecorator;
}

declare module "@nestjs/core" {
  class HttpAdapterHost {
    readonly httpAdapter: unknown;
  }
}

declare module "rxjs" {
  interface Subscriber<T> {
    next(value: T): void;
    error(error: unknown): void;
    complete(): void;
  }

  class Observable<T> {
    constructor(subscribe: (subscriber: Subscriber<T>) => (() => void) | undefined);
    subscribe(observer: Subscriber<T>): { unsubscribe(): void };
  }
}
