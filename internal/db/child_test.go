package db_test

const diskChild = "COUNTERFOIL_DB_CHILD"

func fullDiskChild(string) {}
