-- Gives a database another name; sessions would hold it, so they are ended. Only the owner or a superuser may.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :'from' AND pid <> pg_backend_pid();
ALTER DATABASE :"from" RENAME TO :"to";
