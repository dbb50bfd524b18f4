%% Two Erlang nodes: one echoes, the other asks with so many processes at once, each again when it has its answer.
-module(bench_link).
-behaviour(gen_server).
-export([serve/0, ask/0, echo/1, init/1, handle_call/3, handle_cast/2]).

serve() ->
    {ok, _} = gen_server:start({local, ?MODULE}, ?MODULE, [], []),
    io:format("ready~n").

init([]) -> {ok, none}.
handle_call(Payload, _From, State) -> {reply, Payload, State}.
handle_cast(_, State) -> {noreply, State}.

echo(Payload) -> Payload.

%% Behind -extra: the other node, the way (call or erpc), then in flight, payload bytes, warm ms and ms of each step.
ask() ->
    [Node, Way | Numbers] = init:get_plain_arguments(),
    Ask = asker(list_to_atom(Way), list_to_atom(Node)),
    Rates = steps([list_to_integer(Number) || Number <- Numbers], Ask),
    io:format("[~s]~n", [lists:join(",", [float_to_list(Rate, [{decimals, 1}]) || Rate <- Rates])]).

asker(call, Node) -> fun(Payload) -> gen_server:call({?MODULE, Node}, Payload, infinity) end;
asker(erpc, Node) -> fun(Payload) -> erpc:call(Node, ?MODULE, echo, [Payload]) end.

steps([], _) -> [];
steps([InFlight, Bytes, WarmMs, Ms | Rest], Ask) ->
    Payload = binary:copy(<<"x">>, Bytes),
    rate(InFlight, Payload, WarmMs, Ask),
    [rate(InFlight, Payload, Ms, Ask) | steps(Rest, Ask)].

rate(InFlight, Payload, Ms, Ask) ->
    From = erlang:monotonic_time(microsecond),
    Until = From + Ms * 1000,
    Workers = [spawn_monitor(fun() -> exit({answers, loop(Until, Payload, Ask, 0)}) end) || _ <- lists:seq(1, InFlight)],
    Answers = lists:sum([receive {'DOWN', Ref, process, _, {answers, Count}} -> Count end || {_, Ref} <- Workers]),
    Answers * 1.0e6 / (erlang:monotonic_time(microsecond) - From).

loop(Until, Payload, Ask, Count) ->
    case erlang:monotonic_time(microsecond) < Until of
        true -> Payload = Ask(Payload), loop(Until, Payload, Ask, Count + 1);
        false -> Count
    end.
