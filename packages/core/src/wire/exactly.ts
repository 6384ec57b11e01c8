import type { z } from "zod";

/** Removes `readonly` at every level and flattens intersections, so that two spellings of one shape compare equal. */
export type Plain<T> = T extends string | number | boolean | null | undefined | Date
  ? T
  : T extends readonly unknown[]
    ? { -readonly [Index in keyof T]: Plain<T[Index]> }
    : T extends object
      ? { -readonly [Key in keyof T]: Plain<T[Key]> }
      : T;

/** `true` when the two types have the same members, optional ones included. */
export type IsSame<Left, Right> =
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- how the compiler compares two types is by such a function
  (<T>() => T extends Plain<Left> ? 1 : 2) extends <T>() => T extends Plain<Right> ? 1 : 2 ? true : false;

/**
 * The schema as one of the contract's type. Does not compile when what the schema accepts and the type differ, in either direction.
 */
export function exactly<Contract>(): <Schema extends z.ZodType>(
  schema: IsSame<z.output<Schema>, Contract> extends true ? Schema : never,
) => z.ZodType<Contract> {
  return (schema) => schema as unknown as z.ZodType<Contract>;
}
