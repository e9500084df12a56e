/** A refusal that the client is told about, in the shape of OpenAI's error bodies. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  /**
   * @param status HTTP status
   * @param param the field of the request that is at fault, where it is one
   */
  constructor(
    readonly status: number,
    message: string,
    readonly param?: string,
  ) {
    super(message);
  }
}

/** The JSON body of an error. */
export function errorBody(status: number, message: string, param?: string) {
  const type =
    status === 503
      ? "service_unavailable"
      : status >= 500
        ? "internal_server_error"
        : "invalid_request_error";
  return { error: { message, type, param: param ?? null, code: status } };
}

/** The JSON body of an error in Anthropic's shape. */
export function messagesErrorBody(status: number, message: string) {
  const type = status === 503 ? "overloaded_error" : status >= 500 ? "api_error" : "invalid_request_error";
  return { type: "error", error: { type, message } };
}
