module clauderon.dev/guest

go 1.24
