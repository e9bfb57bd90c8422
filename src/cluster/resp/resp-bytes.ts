/** Bytes that mean something in RESP. */

export const CR = 13;
export const LF = 10;
export const ZERO = 48;
export const NINE = 57;
export const MINUS = 45;
export const BULK = 36; // $
export const ARRAY = 42; // *
export const COLON = 58; // :
export const NULL = 95; // _
export const PUSH = 62; // >
export const SIMPLE = 43; // +
export const ERROR = 45; // -
export const DOUBLE = 44; // ,
export const BIG_NUMBER = 40; // (
export const BOOLEAN = 35; // #
export const BULK_ERROR = 33; // !
export const VERBATIM = 61; // =
export const SET = 126; // ~
export const MAP = 37; // %
export const ATTRIBUTE = 124; // |
