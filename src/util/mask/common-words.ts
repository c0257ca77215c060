/** Words of four letters and more that stand in ordinary logs, or are passwords that everybody tries. Lower case. */
export const COMMON_WORDS = new Set(
  `0123 1234 12345 123456 1234567 12345678 123456789 1234567890 abcd abc123 abcdef access account address admin
  administrator allow alpha always application array auth authorization backup base64 basic bearer beta block body
  boolean branch build cache cancel change changed changeme check client close cloud code command commit completed
  config connect connected connection container content count create created critical current data database date
  debug default delete deleted demo deny deploy deployed deployment description destroy detail development disable
  disabled disk docker domain done down draft dummy duration email empty enable enabled encrypted endpoint ended entry
  error errors event example exit export external fail failed failure false fatal field file files find fine finish
  finished float folder force format found from function global good group guest health healthy hello help high home
  host hostname http https image import index info input insert instance integer interface internal item items
  iteration java json keys kill label last latest letmein level limit line linux list load local localhost lock
  locked login logout loop machine main manual master memory message method migrate migration minute missing mode
  model module monitor month name network never next node none normal notice null number object offline okay online
  open operation option order output owner package page pass passed passphrase passwd password password1 patch path
  pending pipeline plan platform plugin point policy pool port post postgres postgresql primary private process
  production profile project prompt public pull push qwerty query queue random read ready reason record redis refresh
  region release reload remote remove removed rename replica report request reset resource response restart restore
  result resume retry role rollback root running schema script search secondary secret secrets select server service
  session setting settings setup shell show sign size skip skipped sleep source stable stack staging start started
  state statement static status step stop stopped storage string success succeeded supabase switch system table
  target task temp template test testing text thread time timeout title today token total trace true type unknown
  undefined unhealthy unlock update updated upload user username users valid value values variable verify version
  void volume wait warn warning web welcome when window worker write xxxx yes`.split(/\s+/),
);
