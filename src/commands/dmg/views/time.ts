/** Seconds since 1970 as local time with its offset: `2026-11-25T10:22:17.000+00:00` (2.6: FormatTime). */
export function localTime(seconds: bigint): string {
  const time = new Date(Number(seconds) * 1000);
  const offsetMinutes = -time.getTimezoneOffset();
  const local = new Date(time.getTime() + offsetMinutes * 60_000).toISOString().slice(0, -1);
  const sign = offsetMinutes < 0 ? "-" : "+";
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const distance = Math.abs(offsetMinutes);
  return `${local}${sign}${two(distance / 60)}:${two(distance % 60)}`;
}
