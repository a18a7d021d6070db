// errors.ts
import { KycError, type ErrorCode } from "./kyc.js";

export type Next = "sign in" | "start" | "look" | "again" | "give up";

const ERRORS: Record<ErrorCode, [text: string, next: Next]> = {
  "USR-401-001": ["Please sign in again.", "sign in"],
  "KYC-404-001": ["You have not started a verification yet.", "start"],
  "KYC-409-001": ["There is a verdict already.", "look"],
  "KYC-429-001": ["You tried too often within a few minutes.", "again"],
  "GEN-429-001": ["Very many people are being verified right now.", "again"],
  "KYC-500-001": ["Something failed on our side.", "again"],
  "KYC-500-002": ["The verification cannot be opened right now.", "again"],
  "GEN-500-001": ["Something failed on our side.", "again"],
  "KYC-502-001": ["The verification provider cannot be reached right now.", "again"],
  "GEN-502-001": ["Something failed on our side.", "again"],
  "GEN-504-001": ["That took too long.", "again"],
  "KYC-403-001": ["Please verify your identity first.", "start"],
  "KYC-403-002": ["Please contact support.", "give up"],
  "GEN-403-001": ["Your request was refused.", "give up"],
  "GEN-400-001": ["This page is out of date. Please load it again.", "give up"],
  "GEN-404-001": ["This page is out of date. Please load it again.", "give up"],
  "GEN-413-001": ["This page is out of date. Please load it again.", "give up"],
  "KYC-401-001": ["Something failed on our side.", "give up"],
};

/** What the user reads, and what comes next, after how many seconds. What is no error of the API is thrown. */
export function explain(error: unknown): { text: string; next: Next; seconds: number } {
  if (!(error instanceof KycError)) throw error;
  const known = error.code && ERRORS[error.code];
  const [text, next] = known || ["We cannot be reached.", error.isTransient ? "again" : "give up"];
  const seconds = error.retryAfter ?? 0;
  const later = seconds > 0 ? `Possible again in ${seconds} seconds.` : "";
  const trace = error.traceId && next === "give up" ? `Tell our support ${error.traceId}.` : "";
  return { text: [text, later, trace].filter(Boolean).join(" "), next, seconds };
}
