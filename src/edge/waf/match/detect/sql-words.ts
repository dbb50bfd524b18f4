/**
 * The vocabulary of SQL dialects, by the part that a word plays in a statement. Types of tokens are one letter each, so that a folded
 * statement is a short text that patterns can be matched with:
 * `E` begins a statement or expression, `T` begins one of a procedure, `U` joins selects, `B` orders or limits, `k` other keywords,
 * `f` functions, `t` types, `o` operators, `&` logic, `v` variables and null, `1` numbers, `s` strings, `n` names, `c` comments, `A` collations.
 */
const WORDS: Readonly<Record<string, string>> = {
  E: "select insert update create set case waitfor alter replace merge_into explain describe show",
  T: "drop exec execute delete declare shutdown truncate use begin goto handler print raiserror while deallocate dbcc revert kill",
  U: "union except intersect minus",
  B: "having limit offset_fetch",
  k: `from where into values value join left outer inner cross natural on using as table database schema view index column distinct
 all any some exists when then else end desc asc by group order procedure analyse default key primary foreign references constraint add
 change modify rename grant revoke to with recursive top percent rownum outfile dumpfile lines terminated fields optionally enclosed fetch
 returning window over partition lateral pivot unpivot trigger cursor transaction commit rollback savepoint load infile if_exists
 temporary unique both leading trailing interval collation for function begin_try return returns cascade restrict read write call`,
  o: "not is like ilike rlike regexp in between div mod similar sounds escape isnull notnull glob binary match against",
  "&": "and or xor",
  v: "null current_user current_date current_time current_timestamp localtime localtimestamp session_user sysdate systimestamp utc_date utc_time",
  "1": "true false unknown",
  t: `int integer tinyint smallint mediumint bigint decimal numeric real double precision bit varchar nvarchar varchar2 nchar char_type text
 blob clob bytea varbinary serial smallmoney money uniqueidentifier sql_variant boolean signed unsigned datetime smalldatetime`,
  f: `abs acos adddate addtime aes_decrypt aes_encrypt ascii asin atan avg benchmark bin bit_and bit_count bit_length bit_or bit_xor cast
 ceil ceiling char char_length character_length charindex chr coalesce coercibility compress concat concat_ws connection_id conv convert
 convert_tz cos cot count crc32 curdate curtime database database_to_xml datalength date date_add date_format date_sub datediff dateadd
 datename datepart day dayname dayofmonth dayofweek dayofyear db_id db_name dbms_pipe.receive_message dbms_lock.sleep decode degrees
 des_decrypt des_encrypt elt encode encrypt exp export_set extract extractvalue field find_in_set floor found_rows from_base64 from_days
 from_unixtime geometrycollection get_lock getdate greatest group_concat has_dbaccess hex host_name hour if ifnull inet_aton inet_ntoa
 initcap instr is_free_lock is_member is_srvrolemember is_used_lock json_array json_arrayagg json_extract json_keys json_object last_day
 last_insert_id lcase least len length likelihood linestring ln load_extension load_file locate log log10 log2 lower lpad ltrim make_set
 makedate maketime master_pos_wait max md5 mid microsecond min minute month monthname multilinestring multipoint multipolygon name_const
 newid now nullif nvl object_id object_name oct octet_length old_password openquery openrowset opendatasource ord parsename password patindex
 period_add pg_sleep pg_read_file pg_ls_dir pg_current_user pi point polygon position pow power quarter query_to_xml quote quotename radians
 rand randomblob random regexp_substr regexp_replace release_lock repeat replicate reverse right round row_count rpad rtrim schema_name
 sec_to_time second sha sha1 sha2 sign sin sleep soundex space sqlite_version sqrt std stddev stddev_pop str strcmp string_agg stuff
 subdate substr substring substring_index subtime sum suser_id suser_name suser_sname sys_context sysutcdatetime system_user tan time
 time_format time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_char to_date to_days to_number to_timestamp trim typeof
 ucase uncompress unhex unicode unix_timestamp updatexml upper user user_id user_name utl_http.request utl_inaddr.get_host_address
 utl_inaddr.get_host_name uuid uuid_short var_pop variance version weekday week weekofyear xmltype xmlparse xmlagg xpath year yearweek zeroblob ctxsys.drithsx.sn table_to_xml to_tsvector chr2`,
};

/** Words that belong together, and what they are then. */
const PHRASES: Readonly<Record<string, string>> = {
  "group by": "B",
  "order by": "B",
  "union all": "U",
  "union distinct": "U",
  "except all": "U",
  "intersect all": "U",
  "not in": "o",
  "not like": "o",
  "not ilike": "o",
  "not rlike": "o",
  "not regexp": "o",
  "not between": "o",
  "not similar": "o",
  "is not": "o",
  "is distinct": "o",
  "not exists": "o",
  "similar to": "o",
  "sounds like": "o",
  "and not": "&",
  "or not": "&",
  "in boolean": "k",
  "into outfile": "k",
  "into dumpfile": "k",
  "left join": "k",
  "right join": "k",
  "inner join": "k",
  "cross join": "k",
  "natural join": "k",
  "outer join": "k",
  "left outer": "k",
  "drop table": "T",
  "select distinct": "E",
  "select all": "E",
  "insert into": "T",
  "delete from": "T",
  "create table": "E",
  "alter table": "E",
  "create or": "E",
  "current user": "v",
  "waitfor delay": "E",
  "waitfor time": "E",
  "procedure analyse": "f",
  "for update": "k",
  "at time": "k",
  "with rollup": "k",
};

export const WORD_TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(WORDS).flatMap(([type, words]) => words.split(/\s+/).map((word) => [word, type] as const)),
);

export const PHRASE_TYPES: ReadonlyMap<string, string> = new Map(Object.entries(PHRASES));

/** First words of phrases. */
export const PHRASE_STARTS: ReadonlySet<string> = new Set(Object.keys(PHRASES).map((phrase) => phrase.split(" ")[0]!));

/** Keywords that are functions where a parenthesis follows. */
export const CALLABLE: ReadonlySet<string> = new Set([
  "exists",
  "left",
  "right",
  "any",
  "all",
  "some",
  "insert",
  "replace",
  "mod",
  "interval",
]);

/** Functions that are everyday words: they are functions only where a closing parenthesis follows at once. */
export const ARGUMENTLESS: ReadonlySet<string> = new Set([
  "user",
  "database",
  "version",
  "user_id",
  "user_name",
  "system_user",
  "current_user",
  "session_user",
  "current_date",
  "current_time",
  "current_timestamp",
  "localtime",
  "localtimestamp",
]);
