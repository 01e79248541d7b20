-- A budget is changed, never erased.
do $$
declare held record;
begin
  for held in
    select grantee from information_schema.role_table_grants
    where table_schema = 'public' and table_name = 'jobs_budget' and privilege_type = 'DELETE'
      and grantee not in (current_user, 'PUBLIC')
  loop
    execute format('revoke delete on jobs_budget from %I', held.grantee);
  end loop;
end $$;
