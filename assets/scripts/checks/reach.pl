# What reach.py does, for hosts that have Perl and no Python. Same arguments, same answers.
use strict; use warnings; use Socket qw(:all); use IO::Select; use Errno qw(:POSIX);
use Fcntl; use Time::HiRes qw(time); $| = 1;
my ($address, $token, $seconds, $expected, $ports, $targets) = @ARGV;
my $v6 = $address =~ /:/;
my $began = time;
my ($RETRY, $WAIT) = ($seconds * 0.4, $seconds * 0.5);
my (%listening, %call);

sub say_ { print join(" ", '@@', @_), "\n" }
sub passed { time - $began }

sub at {
    my ($host, $port) = @_;
    return $v6 ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $host))
               : pack_sockaddr_in($port, inet_pton(AF_INET, $host));
}

sub fresh {
    socket(my $s, $v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or return;
    fcntl($s, F_SETFL, fcntl($s, F_GETFL, 0) | O_NONBLOCK);
    return $s;
}

sub word {
    my $e = shift;
    return "refused" if $e == ECONNREFUSED;
    return "unreachable" if $e == EHOSTUNREACH || $e == ENETUNREACH || $e == EACCES || $e == EPERM;
    return $e == ETIMEDOUT ? "timeout" : "failed";
}

sub end_call {
    my ($key, $way, $why) = @_;
    my $c = delete $call{$key};
    close $c->{s} if $c->{s};
    say_("reach", $c->{host}, $c->{port}, $way, int((passed() - $c->{begun}) * 1000), $why // "");
}

sub fail_call {
    my ($key, $e) = @_;
    my $c = $call{$key};
    close $c->{s} if $c->{s};
    $c->{s} = undef;
    if ($e == ECONNREFUSED && passed() < $RETRY) { $c->{again} = passed() + 0.1; return }
    local $! = $e;
    end_call($key, word($e), "$!");
}

sub begin_call {
    my $key = shift;
    my $c = $call{$key};
    @$c{qw(again begun connected got)} = (undef, passed(), 0, "");
    $c->{s} = fresh() or return end_call($key, "failed", "$!");
    bind($c->{s}, at($address, 0)) or return fail_call($key, $! + 0);
    connect($c->{s}, at($c->{host}, $c->{port})) or $! == EINPROGRESS or fail_call($key, $! + 0);
}

sub ready_call {
    my $key = shift;
    my $c = $call{$key};
    if (!$c->{connected}) {
        my $e = unpack("i", getsockopt($c->{s}, SOL_SOCKET, SO_ERROR));
        return fail_call($key, $e) if $e;
        $c->{connected} = 1;
    }
    my $n = sysread($c->{s}, my $data, 256);
    if (!defined $n) { return $! == EAGAIN ? undef : fail_call($key, $! + 0) }
    $c->{got} .= $data;
    if (index($c->{got}, $token) >= 0) { end_call($key, "open") }
    elsif ($n == 0 || length($c->{got}) > 200) { end_call($key, "stranger") }
}

for my $port (grep { $_ ne "-" } split /,/, $ports) {
    my $s = fresh();
    setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind($s, at($address, $port)) && listen($s, 64)) { $listening{fileno $s} = $s; say_("listen", $port, "ok") }
    else { say_("listen", $port, $! == EADDRINUSE ? "held" : "failed", "$!") }
}
for my $target (grep { $_ ne "-" } split /,/, $targets) {
    my ($host, $port) = $target =~ m{^(.*)/(\d+)$} or next;
    $call{$target} = { host => $host, port => $port };
    begin_call($target);
}
while (passed() < $seconds && (%call || $expected > 0)) {
    my @fresh = grep { $_->{s} && !$_->{connected} } values %call;
    my @old = grep { $_->{s} && $_->{connected} } values %call;
    my ($r, $w) = IO::Select->select(IO::Select->new(values %listening, map { $_->{s} } @old),
        IO::Select->new(map { $_->{s} } @fresh), undef, 0.05);
    my %touched = map { fileno($_) => 1 } @{ $r || [] }, @{ $w || [] };
    for my $s (grep { $touched{fileno $_} } values %listening) {
        if (accept(my $c, $s)) { syswrite($c, "$token\n"); close $c; $expected-- }
    }
    for my $key (keys %call) {
        my $c = $call{$key} or next;
        if ($c->{s} && $touched{fileno $c->{s}}) { ready_call($key) }
        elsif (defined $c->{again}) { begin_call($key) if passed() >= $c->{again} }
        elsif ($c->{s} && passed() - $c->{begun} > $WAIT) { end_call($key, $c->{connected} ? "stranger" : "timeout") }
    }
}
end_call($_, "timeout") for keys %call;
