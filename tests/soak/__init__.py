"""Many invocations of every kind over connections that fail at random: each answered once, nothing grows."""
