-- What was erased stays written down.
do $$
declare held record;
begin
  for held in
    select grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name = 'jobs_erasure' and privilege_type = 'DELETE'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke update, delete on jobs_erasure from %I', held.grantee);
  end loop;
end $$;
create trigger erasure_stays before update or delete on jobs_erasure for each row execute function jobs_refuse();
