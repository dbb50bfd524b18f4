%% One OTP supervisor, one_for_one, over one port owner for each command line behind -extra; words are separated by tabs.
%% A port owner ends with its program, and the supervisor starts both again.
-module(bench_supervisor).
-behaviour(supervisor).
-export([main/0, init/1, start_owner/1, own/1]).

main() ->
    {ok, Pid} = supervisor:start_link({local, ?MODULE}, ?MODULE, init:get_plain_arguments()),
    unlink(Pid).

init(Commands) ->
    Numbered = lists:zip(lists:seq(1, length(Commands)), Commands),
    Children = [#{id => Number, start => {?MODULE, start_owner, [string:split(Command, "\t", all)]}, shutdown => 2000}
                || {Number, Command} <- Numbered],
    %% More than the bench ever kills.
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 60}, Children}}.

start_owner(Words) ->
    proc_lib:start_link(?MODULE, own, [Words]).

own([Program | Arguments]) ->
    process_flag(trap_exit, true),
    Port = open_port({spawn_executable, Program}, [{args, Arguments}, exit_status, binary, use_stdio]),
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    proc_lib:init_ack({ok, self()}),
    wait(Port, OsPid).

wait(Port, OsPid) ->
    receive
        {Port, {exit_status, Status}} -> exit({program_ended, Status});
        {Port, {data, _}} -> wait(Port, OsPid);
        %% Closing the port ends only a program that minds its input: the others get a signal, as os_mon and erlexec do.
        {'EXIT', _, Reason} -> os:cmd("kill -9 " ++ integer_to_list(OsPid)), exit(Reason)
    end.
