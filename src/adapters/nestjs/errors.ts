import {
  ConflictException,
  ForbiddenException,
  type HttpException,
  ServiceUnavailableException,
  UnauthorizedException,
} from "@nestjs/common";
import { STATUS_CODES } from "node:http";
import { SessionError } from "../../index.ts";
import { type Failure, plainFailure } from "../support/node-hold.ts";

type Exception = new (
  message?: string,
  options?: { readonly cause?: unknown; readonly description?: string },
) => HttpException;

const EXCEPTIONS: Readonly<Record<number, Exception>> = {
  401: UnauthorizedException,
  403: ForbiddenException,
  409: ConflictException,
  503: ServiceUnavailableException,
};

/**
 * The exception that Nest's filters know how to answer, for an error of Holdfast's that is an answer: it has the error as its
 * `cause`, and tells the client nothing of it. Whatever else is thrown stays what it is.
 */
export function asException(error: unknown): unknown {
  if (!SessionError.is(error)) return error;
  const Exception = EXCEPTIONS[error.status];
  if (Exception === undefined) return error;
  // Nest 10 takes the description of its own only where it is given no cause.
  return new Exception(undefined, { cause: error, description: STATUS_CODES[error.status] ?? "Error" });
}

/** The answer to a commit that failed when Nest had answered already, in the form that Nest gives to its own. */
export function failureOf(error: unknown): Failure {
  const { status, headers } = plainFailure(error);
  return {
    status,
    headers: { ...headers, "Content-Type": "application/json; charset=utf-8" },
    body: JSON.stringify({ message: STATUS_CODES[status] ?? "Error", statusCode: status }),
  };
}
