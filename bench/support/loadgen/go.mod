module oplens/bench/loadgen

go 1.22
