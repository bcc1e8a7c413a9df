import { type CanActivate, type ExecutionContext, ForbiddenException, Injectable } from "@nestjs/common";
import { isForeign } from "../../shop/rules.ts";

interface Asked {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Turns forms away that come from another site. */
@Injectable()
export class SameSiteGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest<Asked>();
    if (isForeign(method, headers["sec-fetch-site"])) {
      throw new ForbiddenException("This form belongs to another site.");
    }
    return true;
  }
}
