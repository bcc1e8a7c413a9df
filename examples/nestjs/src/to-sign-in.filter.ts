import { type ArgumentsHost, Catch, type ExceptionFilter, UnauthorizedException } from "@nestjs/common";
import { HttpAdapterHost } from "@nestjs/core";

/** Sends whoever is not signed in to where one signs in. */
@Catch(UnauthorizedException)
export class ToSignInFilter implements ExceptionFilter {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(_exception: UnauthorizedException, context: ArgumentsHost): void {
    this.host.httpAdapter.redirect(context.switchToHttp().getResponse(), 303, "/sign-in");
  }
}
